<?php
// The page of the folder.
header('X-Page: index');
echo 'The front page';
