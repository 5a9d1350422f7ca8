<?php
$name = htmlspecialchars($_POST['name'] ?? 'PHP ' . PHP_VERSION);
$picture = $_FILES['picture'] ?? null;
?>
<!doctype html>
<meta charset="utf-8">
<title>PHP</title>
<link rel="stylesheet" href="/style.css">
<h1>Hello from <?= $name ?></h1>
<p>The path behind the script is <code><?= htmlspecialchars($_SERVER['PATH_INFO'] ?? 'empty') ?></code>:
  see <a href="/index.php/a/page">/index.php/a/page</a>.</p>
<?php if ($picture): ?>
<p><?= htmlspecialchars($picture['name']) ?> has <?= $picture['size'] ?> bytes.</p>
<?php endif ?>
<form method="post" enctype="multipart/form-data">
  <label>Your name <input name="name"></label>
  <label>A picture <input type="file" name="picture"></label>
  <button>Send</button>
</form>
