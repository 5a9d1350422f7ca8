import { createFileRoute } from "@tanstack/react-router";
import { createServerFn } from "@tanstack/react-start";
import { getCookie, setCookie } from "@tanstack/react-start/server";

const read = createServerFn().handler(() => getCookie("name") ?? "nobody");

export const Route = createFileRoute("/form")({
  loader: () => read(),
  component: NameForm,
  server: {
    handlers: {
      POST: async ({ request }) => {
        setCookie("name", (await request.formData()).get("name"), { path: "/" });
        return new Response(null, { status: 303, headers: { location: "/form" } });
      },
    },
  },
});

function NameForm() {
  return (
    <form method="post">
      <input name="name" defaultValue={Route.useLoaderData()} />
    </form>
  );
}
