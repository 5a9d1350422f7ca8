// itty-router: whatever `fetch` is given beside the request comes to the handlers.
import { serve, type ServeHandlerInfo } from "@fastcgi/serve";
import { AutoRouter, type IRequest } from "itty-router";

const app = AutoRouter<IRequest, [info: ServeHandlerInfo]>();
app.get("/", (_request, info) => new Response(`Hello, ${info.remoteAddr.hostname}\n`));

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, app);
