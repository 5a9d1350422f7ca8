import { Suspense } from "react";
import { Await } from "react-router";

let release;

/** The page goes out at once, and what it waits for when somebody else asks for `/slow?go`. */
export function loader({ request }) {
  if (new URL(request.url).searchParams.has("go")) {
    return release?.("It came late"), { late: "gone" };
  }
  return { late: new Promise((resolve) => release = resolve) };
}

export default function Slow({ loaderData: { late } }) {
  return (
    <Suspense fallback={<p>Wait</p>}>
      <Await resolve={late}>{(text) => <p>{text}</p>}</Await>
    </Suspense>
  );
}
