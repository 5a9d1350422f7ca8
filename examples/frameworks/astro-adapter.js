// Astro's adapter for astro.ts, in astro.config.mjs: `export default { output: "server", adapter };`
export const adapter = {
  name: "fastcgi",
  hooks: {
    "astro:config:done": ({ setAdapter }) =>
      setAdapter({
        name: "fastcgi",
        entrypointResolution: "auto",
        serverEntrypoint: new URL("./astro-entry.js", import.meta.url),
        supportedAstroFeatures: { serverOutput: "stable", hybridOutput: "stable" },
      }),
  },
};
