import { createFileRoute } from "@tanstack/react-router";
import { createServerFn } from "@tanstack/react-start";
import { getRequest, getRequestIP } from "@tanstack/react-start/server";

const visit = createServerFn().handler(() => ({
  address: getRequestIP(),
  href: getRequest().url,
}));

export const Route = createFileRoute("/")({
  loader: () => visit(),
  component: Home,
});

function Home() {
  const { address, href } = Route.useLoaderData();
  return <p>{`Hello, ${address}, at ${href}`}</p>;
}
