/**
 * Watches files below directories. What the system says is only a hint to look: which files have
 * changed is seen from their times and sizes, the same on every runtime and system.
 */
import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { isDeno } from "./deno.ts";

// As loaded: applications replace the global.
const { Map } = globalThis;

/** So long nothing must have happened, in milliseconds: an editor writes in steps. */
const QUIET = 100;
/** How often files are looked at where the system gives no hints, in milliseconds. */
const POLL_INTERVAL = 1_000;

/**
 * Whether one watcher is for all below its directory. Elsewhere each directory has its own, so that
 * none is spent on what is ignored: Node watches every file of `node_modules` else. Deno has a file
 * descriptor for each watcher, of which Linux allows 128.
 */
const IS_RECURSIVE = isDeno || process.platform === "darwin" || process.platform === "win32";

/** What is watched. */
export interface Watched {
  readonly directories: readonly string[];
  /** Whether a file counts, by its name. */
  isFile(name: string): boolean;
  /** Whether a directory below is looked into, by its name. */
  isDirectory(name: string): boolean;
}

/** A file that was changed or made; or removed, then its time is 0. */
export interface ChangedFile {
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** Files and directories as they are. */
interface Snapshot {
  readonly files: ReadonlyMap<string, Stamp>;
  readonly directories: ReadonlySet<string>;
}

/** What shows that a file was changed. */
interface Stamp {
  readonly time: number;
  readonly size: number;
}

/** Whether a path is that of a directory. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/**
 * Calls back with files that have changed, together if it was at about the same time.
 *
 * @returns Ends it.
 */
export function watchFiles(
  watched: Watched,
  changed: (files: ChangedFile[]) => void,
): () => void {
  const watchers = new Map<string, FSWatcher>();
  let last = snapshot(watched);
  let quiet: ReturnType<typeof setTimeout> | undefined;
  let poll: ReturnType<typeof setInterval> | undefined;

  const look = () => {
    const before = last;
    last = snapshot(watched);
    follow();
    const files = differences(before.files, last.files);
    if (files.length > 0) changed(files);
  };
  const hint = (event: string, name: string | null) => {
    // What is new or gone may be a directory.
    if (event === "change" && name !== null && !watched.isFile(basename(name))) return;
    clearTimeout(quiet);
    quiet = setTimeout(look, QUIET);
  };
  const noHints = () => void (poll ??= setInterval(look, POLL_INTERVAL));
  const follow = () => {
    const wanted = IS_RECURSIVE ? new Set(watched.directories) : last.directories;
    for (const [directory, watcher] of watchers) {
      if (!wanted.has(directory)) close(watchers, directory, watcher);
    }
    for (const directory of wanted) {
      if (watchers.has(directory) || poll !== undefined) continue;
      try {
        const watcher = watch(directory, { recursive: IS_RECURSIVE }, hint);
        watcher.on("error", () => close(watchers, directory, watcher));
        watchers.set(directory, watcher);
      } catch {
        // Too many watchers, or a file system without.
        noHints();
      }
    }
  };
  follow();
  // What has changed before all watchers were there.
  hint("change", null);
  return () => {
    clearTimeout(quiet);
    clearInterval(poll);
    for (const [directory, watcher] of watchers) close(watchers, directory, watcher);
  };
}

function close(watchers: Map<string, FSWatcher>, directory: string, watcher: FSWatcher): void {
  watchers.delete(directory);
  try {
    watcher.close();
  } catch {
    // Its directory has gone.
  }
}

function differences(
  before: ReadonlyMap<string, Stamp>,
  after: ReadonlyMap<string, Stamp>,
): ChangedFile[] {
  const changed = [...after].filter(([path, { time, size }]) => {
    const known = before.get(path);
    return known?.time !== time || known.size !== size;
  });
  const removed = [...before.keys()].filter((path) => !after.has(path));
  return [
    ...changed.map(([path, { time }]) => ({ path, time })),
    ...removed.map((path) => ({ path, time: 0 })),
  ];
}

function snapshot(watched: Watched): Snapshot {
  const files = new Map<string, Stamp>();
  const directories = new Set<string>();
  const left = [...watched.directories];
  for (let directory = left.pop(); directory !== undefined; directory = left.pop()) {
    directories.add(directory);
    for (const entry of entriesOf(directory)) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) {
        if (watched.isDirectory(entry.name) && !directories.has(path)) left.push(path);
      } else if (watched.isFile(entry.name)) {
        const stamp = stampOf(path);
        if (stamp !== undefined) files.set(path, stamp);
      }
    }
  }
  return { files, directories };
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    // It has gone, or must not be read.
    return [];
  }
}

/** The time and size of a file; behind a symbolic link, those of what it leads to. */
function stampOf(path: string): Stamp | undefined {
  try {
    const stats = statSync(path);
    return stats.isFile() ? { time: stats.mtimeMs, size: stats.size } : undefined;
  } catch {
    return undefined;
  }
}
