<?php
// Answers what PHP was given, as JSON.

/** Text that JSON can have: bytes that are no UTF-8 as `\xE4`. */
function text(string $value): string
{
    return preg_match('//u', $value) ? $value : addcslashes($value, "\x80..\xff");
}

$server = array_filter($_SERVER, 'is_string');
ksort($server);
$files = [];
foreach ($_FILES as $field => $file) {
    $uploaded = $file['error'] === UPLOAD_ERR_OK;
    $files[$field] = [
        'name' => $file['name'],
        'type' => $file['type'],
        'size' => $file['size'],
        'error' => $file['error'],
        'sha256' => $uploaded ? hash_file('sha256', $file['tmp_name']) : null,
    ];
}
$input = hash_init('sha256');
$length = 0;
$stream = fopen('php://input', 'r');
while (($part = fread($stream, 65536)) !== false && $part !== '') {
    $length += strlen($part);
    hash_update($input, $part);
}
header('Content-Type: application/json');
echo json_encode([
    'server' => array_map('text', $server),
    'get' => $_GET,
    'post' => $_POST,
    'cookie' => $_COOKIE,
    'files' => $files,
    'input' => ['length' => $length, 'sha256' => hash_final($input)],
], JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_FORCE_OBJECT | JSON_THROW_ON_ERROR);
