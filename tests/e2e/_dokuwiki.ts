/** DokuWiki, as Debian has it, installed into a directory of the test's own. */
import { createHash } from "node:crypto";
import { access, cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Where Debian has its parts. */
const PROGRAM = "/usr/share/dokuwiki";
const CONFIGURATION = "/etc/dokuwiki";

/** The reason why DokuWiki cannot be tested here, or `false`. */
export const skipDokuwiki: string | false = await access(join(PROGRAM, "doku.php")).then(
  () => false as const,
  () => "dokuwiki is not installed",
);

/** The account that may write: of a user whose name has an umlaut. */
export const USER = { login: "ada", password: "engine", name: "Ada Löwe" };

/** Directories of the data that DokuWiki asks for at the start. */
const DATA = [
  ...["attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta"],
  ...["pages", "tmp"],
];

/**
 * Installs it below a directory, without a database or the network.
 *
 * @return The document root; the pages, and who may write them, are outside of it.
 */
export async function installDokuwiki(directory: string): Promise<string> {
  const root = join(directory, "wiki");
  // Links lead to the directories of the machine's own wiki. PHP caches no script of today.
  const whole = { recursive: true, dereference: true, preserveTimestamps: true };
  await cp(PROGRAM, root, whole);
  const conf = join(directory, "conf");
  const isPublic = (file: string) => !/\.auth\.php$/.test(file);
  await cp(CONFIGURATION, conf, { recursive: true, filter: isPublic, preserveTimestamps: true });
  for (const name of DATA) await mkdir(join(directory, "data", name), { recursive: true });
  await writeFile(join(root, "inc", "preload.php"), `<?php define('DOKU_CONF', '${conf}/');\n`);
  await writeFile(
    join(conf, "local.php"),
    `<?php
$conf['title'] = 'Ein Wiki für Prüfungen';
$conf['savedir'] = '${directory}/data';
$conf['useacl'] = 1;
$conf['superuser'] = '@admin';
// Nothing is to be asked of the internet.
$conf['updatecheck'] = 0;
// Addresses have the page behind the script: /doku.php/start
$conf['userewrite'] = 2;
$conf['useslash'] = 1;
// ... with its umlauts.
$conf['deaccent'] = 0;
`,
  );
  const hash = createHash("md5").update(USER.password).digest("hex");
  const users = [USER.login, hash, USER.name, "ada@example.org", "admin,user"].join(":");
  await writeFile(join(conf, "users.auth.php"), `# <?php exit()?>\n${users}\n`);
  await writeFile(join(conf, "acl.auth.php"), "# <?php exit()?>\n* @ALL 1\n* @user 8\n");
  return root;
}
