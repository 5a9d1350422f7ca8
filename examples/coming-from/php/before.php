<?php
// A form, a session, a redirect, an answer in pieces, a log, and work after the answer.
$path = parse_url($_SERVER["REQUEST_URI"], PHP_URL_PATH);
header("Content-Type: text/plain; charset=utf-8");

if ($path === "/old") {
  header("Location: /", true, 301);
} elseif ($path === "/count") {
  foreach ([3, 2, 1] as $n) {
    echo "$n\n";
    flush();
  }
} elseif ($path !== "/") {
  http_response_code(404);
  echo "There is no $path\n";
} else {
  session_name("session");
  session_set_cookie_params(["path" => "/", "httponly" => true, "samesite" => "Lax"]);
  session_start();
  $visits = $_SESSION["visits"] = ($_SESSION["visits"] ?? 0) + 1;
  $name = $_POST["name"] ?? $_GET["name"] ?? "stranger";
  error_log("Greeted $name");
  register_shutdown_function(function () use ($name) {
    file_put_contents(__DIR__ . "/visits.log", "$name\n", FILE_APPEND);
  });
  echo "Hello, $name, from $_SERVER[REMOTE_ADDR]: visit $visits\n";
}
