import { redirect } from "@sveltejs/kit";

export function load({ cookies }) {
  return { name: cookies.get("name") ?? "nobody" };
}

export const actions = {
  default: async ({ cookies, request }) => {
    cookies.set("name", (await request.formData()).get("name"), { path: "/" });
    redirect(303, "/form");
  },
};
