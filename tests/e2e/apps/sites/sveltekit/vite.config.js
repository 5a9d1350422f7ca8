import { sveltekit } from "@sveltejs/kit/vite";
import { adapter } from "./sveltekit-adapter.js";

export default { plugins: [sveltekit({ adapter })] };
