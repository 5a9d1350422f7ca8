import { createCookie, Form, redirect } from "react-router";

const cookie = createCookie("name", { path: "/" });

export async function loader({ request }) {
  return { name: await cookie.parse(request.headers.get("cookie")) ?? "nobody" };
}

export async function action({ request }) {
  const name = (await request.formData()).get("name");
  return redirect("/form", {
    status: 303,
    headers: { "set-cookie": await cookie.serialize(name) },
  });
}

export default function NameForm({ loaderData: { name } }) {
  return (
    <Form method="post">
      <input name="name" defaultValue={name} />
    </Form>
  );
}
