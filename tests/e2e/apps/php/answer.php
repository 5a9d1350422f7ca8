<?php
// Answers as the query says: `status`, `line` (a whole status line), `header[]`, `cookies`, `body`,
// and with `pid` which process it is.
if (isset($_GET['line'])) {
    header($_GET['line']);
}
if (isset($_GET['status'])) {
    http_response_code((int) $_GET['status']);
}
if (isset($_GET['pid'])) {
    header('X-Pid: ' . getmypid());
}
foreach ($_GET['header'] ?? [] as $header) {
    header($header, false);
}
for ($i = 0; $i < (int) ($_GET['cookies'] ?? 0); $i++) {
    setcookie("cookie$i", "value $i; ü", ['path' => '/', 'httponly' => true, 'samesite' => 'Lax']);
}
echo $_GET['body'] ?? '';
