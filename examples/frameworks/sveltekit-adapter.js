// SvelteKit's adapter for sveltekit.ts, in vite.config.js:
// `export default { plugins: [sveltekit({ adapter })] };`
export const adapter = {
  name: "fastcgi",
  adapt(builder) {
    builder.writeClient("build/client"); // for nginx
    builder.writePrerendered("build/client");
    builder.writeServer("build/server");
    builder.generateServerInstance("build/server.js", { serverDirectory: "build/server" });
  },
};
