<?php
// A front controller: every path that is no file comes here.
header('Content-Type: application/json');
echo json_encode([
    'uri' => $_SERVER['REQUEST_URI'],
    'script' => $_SERVER['SCRIPT_NAME'],
    'self' => $_SERVER['PHP_SELF'],
    'info' => $_SERVER['PATH_INFO'] ?? '',
    'get' => $_GET,
]);
