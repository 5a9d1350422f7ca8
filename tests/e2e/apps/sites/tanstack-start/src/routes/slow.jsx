import { Await, createFileRoute } from "@tanstack/react-router";
import { Suspense } from "react";

let release;

/** The page goes out at once, and what it waits for when somebody else asks for `/slow?go`. */
export const Route = createFileRoute("/slow")({
  loader: ({ location }) => {
    if ("go" in location.search) return release?.("It came late"), { late: "gone" };
    return { late: new Promise((resolve) => release = resolve) };
  },
  component: Slow,
});

function Slow() {
  const { late } = Route.useLoaderData();
  return (
    <Suspense fallback={<p>Wait</p>}>
      <Await promise={late}>{(text) => <p>{text}</p>}</Await>
    </Suspense>
  );
}
