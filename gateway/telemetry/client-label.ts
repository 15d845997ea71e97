const FAMILIES = ['claude', 'chatgpt', 'codex', 'cursor', 'inspector'] as const

/** A client's own name as one of the few that metrics tell apart. */
export function clientLabel(name: string): string {
  const lower = name.toLowerCase()
  if (lower.includes('visual studio code') || lower.includes('vscode')) return 'vscode'
  if (lower.includes('openai')) return 'chatgpt'
  return FAMILIES.find((family) => lower.includes(family)) ?? 'other'
}
