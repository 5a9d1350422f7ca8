let release;

/** The page goes out at once, and what it waits for when somebody else asks for `/slow?go`. */
export function load({ url }) {
  if (url.searchParams.has("go")) return release?.("It came late"), { late: "gone" };
  return { late: new Promise((resolve) => release = resolve) };
}
