import { type Markup, markup, table } from "./markup.ts";
import type { Visit } from "./visit.ts";

/** The start page: what arrived, and something of everything to try. */
export function home({ request, url, info, params, visits, runtime }: Visit): Markup {
  const client = info.remoteAddr;
  const facts = table([
    ["request.method", request.method],
    ["request.url", request.url],
    ["info.role", info.role],
    ["info.remoteAddr", client && `${client.hostname}, port ${client.port}`],
    ["info.scriptName", JSON.stringify(info.scriptName)],
    ["info.pathInfo", JSON.stringify(info.pathInfo)],
  ]);
  return markup`<h1>Hello from behind the web server</h1>
<p class="lead">Your browser spoke HTTP to <b>${url.host}</b>, which spoke FastCGI to a fetch handler
that runs on <b>${runtime.replace("/", " ")}</b>. This page is its answer.</p>
<div class="cards">

<section class="card wide">
<h2>What arrived</h2>
${facts}
</section>

<section class="card">
<h2>A response that takes its time</h2>
<p class="hint">Every line is sent when it is ready, not when all of them are.</p>
<iframe src="stream" title="A streamed page"></iframe>
</section>

<section class="card">
<h2>Events as they happen</h2>
<p class="hint">The time on the server in UTC, once a second, as server-sent events.
<a href="events">Look at them</a></p>
<p class="big" id="clock">needs JavaScript</p>
<script>
new EventSource("events").onmessage = (event) => {
  document.getElementById("clock").textContent = event.data;
};
</script>
<h2>A cookie</h2>
<p class="hint">How often this browser has been here. Reload the page.</p>
<p class="big">${visits}</p>
</section>

<section class="card">
<h2>A form</h2>
<form method="post" action="form">
<label>Name <input name="name" value="Zoë" autocomplete="off"></label>
<label>Message <textarea name="message" rows="2">1 &lt; 2 &amp; καλημέρα</textarea></label>
<button>Send</button>
</form>
</section>

<section class="card">
<h2>An upload</h2>
<p class="hint">What arrives is measured and hashed, and kept nowhere. 32 MB at most.</p>
<form method="post" action="upload" enctype="multipart/form-data">
<label>File <input type="file" name="file" required></label>
<button>Upload</button>
</form>
</section>

<section class="card wide">
<h2>More to try</h2>
<ul>
<li><a href="gr%C3%B6%C3%9Fe?q=caf%C3%A9">A path in UTF-8</a>, and a query</li>
<li><a href="error">A handler that throws</a>: 500 for you, and the reason for the web server’s error log</li>
<li><a href="nowhere">A page that does not exist</a></li>
</ul>
</section>

<details class="card wide" open>
<summary>FastCGI parameters</summary>
${table(params)}
</details>

<details class="card wide" open>
<summary>Request headers</summary>
${table(request.headers)}
</details>

</div>`;
}
