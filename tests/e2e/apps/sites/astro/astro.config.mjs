import { adapter } from "./astro-adapter.js";

// Small scripts become files, too: they are to come from nginx.
export default { output: "server", adapter, vite: { build: { assetsInlineLimit: 0 } } };
