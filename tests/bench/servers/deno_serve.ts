// Deno.serve, HTTP: deno run deno_serve.ts <socket>
Deno.serve(
  { path: Deno.args[0] },
  () => new Response("Hello, world!\n", { headers: { "content-type": "text/plain" } }),
);
