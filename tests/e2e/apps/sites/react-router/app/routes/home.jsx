import { infoContext } from "../root.jsx";

export function loader({ context, request }) {
  return { address: context.get(infoContext).remoteAddr.hostname, href: request.url };
}

export default function Home({ loaderData: { address, href } }) {
  return <p>{`Hello, ${address}, at ${href}`}</p>;
}
