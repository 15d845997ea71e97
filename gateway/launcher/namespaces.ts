import { existsSync, realpathSync, statSync } from 'node:fs'

/** What makes a place of its own for a worker: bubblewrap, or where it is not installed the tools of util-linux. */
export type Namespaces =
  | { readonly kind: 'bubblewrap'; readonly program: string }
  | { readonly kind: 'util-linux'; readonly programs: Readonly<Record<UtilLinux, string>> }

type UtilLinux = (typeof UTIL_LINUX)[number]
const UTIL_LINUX = ['unshare', 'mount', 'umount', 'pivot_root', 'rmdir', 'setpriv', 'sh'] as const

/** A wall that a test takes away, to see that the probe misses it; without bubblewrap the other tools have to do. */
export type Wall =
  | 'files'
  | 'network'
  | 'processes'
  | 'read-only'
  | 'bubblewrap'
  | 'users'
  | 'privileges'
  | 'hidden-node'
  | 'channel'

/** The ways that this machine may have, strongest first. Whether one works only shows when it is tried. */
export function namespacesOf(
  programOf: (name: string) => string | undefined,
  without?: Wall
): Namespaces[] {
  const bubblewrap = without === 'bubblewrap' ? undefined : programOf('bwrap')
  const programs = Object.fromEntries(UTIL_LINUX.map((name) => [name, programOf(name)]))
  return [
    ...(bubblewrap === undefined ? [] : [{ kind: 'bubblewrap', program: bubblewrap } as const]),
    ...(isComplete(programs) ? [{ kind: 'util-linux', programs } as const] : [])
  ]
}

const isComplete = (
  programs: Record<string, string | undefined>
): programs is Record<UtilLinux, string> =>
  Object.values(programs).every((path) => path !== undefined)

/**
 * The command that runs what follows with no network, no other process, and no file but `files`, the system's libraries
 * and nothing that can be written.
 */
export function namespaceCommand(
  namespaces: Namespaces,
  files: readonly string[],
  without?: Wall
): string[] {
  const shown = [
    ...LIBRARIES.filter((path) => existsSync(path)),
    ...files.map((path) => realpathSync(path))
  ]
  return namespaces.kind === 'bubblewrap'
    ? bubblewrap(namespaces.program, shown, without)
    : utilLinux(namespaces.programs, shown)
}

const LIBRARIES = ['/lib', '/lib64', '/usr/lib', '/usr/lib64']
const DEVICES = ['/dev/null', '/dev/urandom']

/** https://manpages.debian.org/bookworm/bubblewrap/bwrap.1.en.html */
function bubblewrap(
  program: string,
  shown: readonly string[],
  without: Wall | undefined
): string[] {
  const binds =
    without === 'files'
      ? ['--bind', '/', '/']
      : [
          ...shown.flatMap((path) => ['--ro-bind', path, path]),
          ...DEVICES.flatMap((path) => ['--dev-bind', path, path])
        ]
  return [
    program,
    '--unshare-user',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    ...(without === 'network' ? [] : ['--unshare-net']),
    ...(without === 'processes' ? [] : ['--unshare-pid']),
    ...(without === undefined ? ['--disable-userns'] : []),
    '--die-with-parent',
    '--cap-drop',
    'ALL',
    ...binds,
    ...(without === 'processes' ? ['--bind', '/proc', '/proc'] : ['--proc', '/proc']),
    ...(without === 'read-only' || without === 'files' ? [] : ['--remount-ro', '/']),
    '--chdir',
    '/',
    '--'
  ]
}

/**
 * The same by unshare(1), mount(8) and pivot_root(8). The shell is the first process of the place and ends with the
 * program, which it starts without privileges.
 */
function utilLinux(
  programs: Readonly<Record<UtilLinux, string>>,
  shown: readonly string[]
): string[] {
  const { unshare, sh, setpriv, mount, umount, rmdir, pivot_root: pivot } = programs
  const root = ROOTS.find(
    (path) => existsSync(path) && !shown.some((one) => one.startsWith(`${path}/`))
  )
  const needed = [...shown, ...DEVICES, setpriv, mount, umount, rmdir].flatMap((path) => [
    statSync(path).isDirectory() ? 'd' : path.startsWith('/dev/') ? 'v' : 'f',
    path
  ])
  return [
    unshare,
    ...['--user', '--map-root-user', '--net', '--pid', '--mount', '--ipc', '--uts', '--cgroup'],
    '--fork',
    '--kill-child=KILL',
    sh,
    '-c',
    SCRIPT,
    'sh',
    ...[mount, umount, rmdir, pivot, root ?? '/mnt', String(needed.length / 2)],
    ...needed,
    ...[setpriv, '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--pdeathsig=KILL']
  ]
}

/** Directories that every Linux has, one of which becomes the root. */
const ROOTS = ['/mnt', '/media', '/srv', '/opt']

const SCRIPT = `
set -e
mount=$1 umount=$2 rmdir=$3 pivot=$4 root=$5 count=$6
shift 6
"$mount" -t tmpfs -o mode=755,size=1m tmpfs "$root"
while [ "$count" -gt 0 ]; do
  place=$root/$2
  case $1 in
    d) mkdir -p "$place" ;;
    *) mkdir -p "\${place%/*}"; : > "$place" ;;
  esac
  case $1 in
    v) "$mount" -o bind "$2" "$place" ;;
    *) "$mount" -o bind,ro "$2" "$place" ;;
  esac
  shift 2
  count=$((count - 1))
done
mkdir "$root/proc" "$root/old"
"$mount" -t proc -o nosuid,nodev,noexec proc "$root/proc"
cd "$root"
"$pivot" . old
"$umount" -l /old
"$rmdir" /old
echo 0 > /proc/sys/user/max_user_namespaces
"$mount" -o remount,bind,ro /
"$@" &
wait $!
`
