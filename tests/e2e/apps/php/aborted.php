<?php
// Writes until the client has gone, and tells of it.
require __DIR__ . '/_board.php';
ignore_user_abort(true);
for ($i = 0; $i < 4000 && !connection_aborted(); $i++) {
    echo str_repeat('x', 8192);
    flush();
    usleep(1000);
}
mark(connection_aborted() ? 'aborted' : 'not-aborted');
