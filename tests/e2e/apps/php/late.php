<?php
// Answers when the test lets it.
require __DIR__ . '/_board.php';
marked('go');
echo 'late';
