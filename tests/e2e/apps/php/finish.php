<?php
// Answers, and goes on working until the test has the whole answer.
require __DIR__ . '/_board.php';
echo "answered\n";
fastcgi_finish_request();
marked('go');
mark('over');
