<?php
// As many bytes as the query says, a multiple of 65,536; with `length`, it says so beforehand.
header('Content-Type: application/octet-stream');
if (isset($_GET['length'])) {
    header('Content-Length: ' . (int) $_GET['bytes']);
}
for ($i = 0; $i < $_GET['bytes'] / 65536; $i++) {
    echo str_repeat(hash('sha256', (string) $i, true), 2048);
}
