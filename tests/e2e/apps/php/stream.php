<?php
// Sends a line, and the next one when the test has seen it.
require __DIR__ . '/_board.php';
header('Content-Type: text/plain');
for ($i = 1; $i <= 3; $i++) {
    echo "line $i\n";
    flush();
    if ($i < 3) {
        marked((string) $i);
    }
}
