import { index, route } from "@react-router/dev/routes";

export default [
  index("routes/home.jsx"),
  route("form", "routes/form.jsx"),
  route("slow", "routes/slow.jsx"),
  route("old", "routes/old.js"),
];
