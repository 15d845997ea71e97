/**
 * The oldest release of each supported line of Node that has the fixes of Node's security releases of
 * 21 October 2026 (24.22.1 and 26.12.1; among others CVE-2026-111497, CVE-2026-105482, CVE-2026-105483,
 * CVE-2026-106069).
 */
const NODE_FLOOR: Readonly<Record<number, string>> = { 24: '24.22.1', 26: '26.12.1' }

/**
 * What is wrong with running on this version (such as `24.21.0`), in one sentence that says what to do;
 * undefined when nothing is known. Lines after the newest in the table count as safe.
 */
export function nodeWarning(version: string): string | undefined {
  const [major = 0] = numbers(version)
  const lines = Object.keys(NODE_FLOOR).map(Number)
  const floor = NODE_FLOOR[major]
  if (floor === undefined) {
    if (major > Math.max(...lines)) return undefined
    return `Node ${version} is of a line that gets no security fixes; use ${lines.join(' or ')}.`
  }
  if (!isOlder(version, floor)) return undefined
  return `Node ${version} lacks known security fixes; use ${floor} or later.`
}

function isOlder(one: string, other: string): boolean {
  const others = numbers(other)
  const differing = numbers(one).findIndex((number, i) => number !== others[i])
  return differing >= 0 && (numbers(one)[differing] ?? 0) < (others[differing] ?? 0)
}

const numbers = (version: string): number[] => version.split('.').slice(0, 3).map(Number.parseFloat)
