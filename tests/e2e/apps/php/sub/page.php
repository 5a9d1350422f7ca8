<?php
// A script in a folder.
echo $_SERVER['SCRIPT_NAME'];
