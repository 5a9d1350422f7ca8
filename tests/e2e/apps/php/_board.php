<?php
// How a script and its test wait for each other: by files above the document root.

/** Where what this request marks, and waits for, is. */
function mark_file(string $name): string
{
    return dirname(__DIR__) . '/' . basename($_GET['id'] ?? 'none') . ".$name.mark";
}

function mark(string $name): void
{
    touch(mark_file($name));
}

/** Waits for a mark, but not for ever. */
function marked(string $name): void
{
    for ($i = 0; $i < 4000 && !file_exists(mark_file($name)); $i++) {
        usleep(2000);
        clearstatcache();
    }
}
