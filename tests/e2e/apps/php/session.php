<?php
// Counts the visits of a session.
session_start();
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
if (isset($_GET['end'])) {
    session_destroy();
}
echo $_SESSION['visits'];
