<?php
// Goes wrong in the way that the query says.
switch ($_GET['how'] ?? '') {
    case 'log':
        error_log('A line for the log: ü');
        error_log("First of two\nSecond of two");
        echo 'logged';
        break;
    case 'warning':
        echo $undefined, 'warned';
        break;
    case 'exception':
        throw new RuntimeException('Nobody catches this');
    case 'late':
        echo str_repeat('x', 100000);
        flush();
        throw new RuntimeException('Too late for a status');
    case 'exit':
        exit(3);
    case 'flood':
        for ($i = 0; $i < 5000; $i++) {
            error_log("Line $i of many");
        }
        echo 'flooded';
        break;
    case 'killed':
        exec('kill -9 ' . getmypid());
}
