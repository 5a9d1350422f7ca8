/**
 * The application as a plain CGI program: a process for each request, so its routes know of each
 * other only through files. A route is the first segment of the path below the script.
 */
import { existsSync, writeFileSync } from "node:fs";
import { serve, type ServeHandler } from "../../../mod.ts";
import { afterTheHead, Hash, part, PART_BYTES } from "../_content.ts";

const encoder = new TextEncoder();
const pause = () => new Promise((resolve) => setTimeout(resolve, 10));

const handler: ServeHandler = async (request, info) => {
  const url = new URL(request.url);
  const [route, argument = ""] = info.pathInfo.slice(1).split("/");
  const query = url.searchParams;
  switch (route) {
    case "echo":
      return Response.json({
        method: request.method,
        url: request.url,
        headers: [...request.headers],
        scriptName: info.scriptName,
        pathInfo: info.pathInfo,
        remoteAddr: info.remoteAddr,
        body: await request.text(),
      });
    case "form":
      return Response.json([...await request.formData()]);
    case "hash": {
      const hash = new Hash();
      for await (const chunk of request.body ?? []) hash.add(chunk);
      return new Response(String(hash));
    }
    case "copy":
      return new Response(request.body);
    case "unread":
      return new Response("No, thanks\n");
    case "download": {
      let index = 0;
      return new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(part(index++));
            if (index * PART_BYTES >= Number(argument)) controller.close();
          },
        }, { highWaterMark: 0 }),
      );
    }
    case "status":
      return new Response(argument === "204" || argument === "304" ? null : `${argument}\n`, {
        status: Number(argument),
      });
    case "redirect":
      return new Response(null, {
        status: Number(argument),
        headers: { location: query.get("to") ?? "" },
      });
    case "cookies": {
      const headers = new Headers();
      headers.append("set-cookie", "a=1; Path=/");
      headers.append("set-cookie", "b=2, with a comma; HttpOnly");
      return new Response(request.headers.get("cookie"), { headers });
    }
    case "header":
      return new Response(null, { headers: { "x-out": request.headers.get("x-in") ?? "none" } });
    case "throw":
      throw new Error(query.get("message") ?? "");
    case "log":
      info.log(query.get("line") ?? "");
      return new Response("logged\n");
    case "break": {
      let isFirst = true;
      return new Response(
        new ReadableStream({
          async pull(controller) {
            if (isFirst) controller.enqueue(encoder.encode("first\n"));
            else {
              await afterTheHead();
              controller.error(new Error("The body broke"));
            }
            isFirst = false;
          },
        }, { highWaterMark: 0 }),
        query.has("length") ? { headers: { "content-length": "100" } } : {},
      );
    }
    case "stream":
      // The second part once the file is there that the test makes when it has the first.
      return new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(encoder.encode("first\n"));
            while (!existsSync(query.get("until") ?? "")) await pause();
            controller.enqueue(encoder.encode("second\n"));
            controller.close();
          },
        }),
      );
    case "flood":
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await pause();
            controller.enqueue(part(0));
          },
          cancel: () => writeFileSync(query.get("mark") ?? "", "cancelled"),
        }, { highWaterMark: 0 }),
      );
    default:
      return new Response(`No route: ${url.pathname}\n`, { status: 404 });
  }
};

serve(handler);
