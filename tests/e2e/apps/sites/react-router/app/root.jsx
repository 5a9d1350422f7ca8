import { createContext, Links, Meta, Outlet, Scripts } from "react-router";

/** What the web server knows of a request: the `info` of the handler. */
export const infoContext = createContext();

export function Layout({ children }) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <Meta />
        <Links />
      </head>
      <body>
        {children}
        <Scripts />
      </body>
    </html>
  );
}

export default function Root() {
  return <Outlet />;
}
