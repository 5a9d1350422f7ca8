<?php
// Compresses its answer itself, if the client takes that.
ini_set('zlib.output_compression', '1');
header('Content-Type: text/plain');
echo str_repeat("The same line again\n", 1000);
