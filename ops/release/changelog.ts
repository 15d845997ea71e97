const UNRELEASED = '## [Unreleased]'

/**
 * The changelog with what is unreleased under a version and a day (YYYY-MM-DD), in the form of Keep a Changelog 1.1.0.
 * Throws where nothing is unreleased, or the version stands there already.
 */
export function releaseChanges(changelog: string, version: string, day: string): string {
  if (changelog.includes(`## [${version}]`))
    throw new Error(`CHANGELOG.md has a section for ${version} already.`)
  if (changesUnder(changelog, 'Unreleased') === '')
    throw new Error('CHANGELOG.md has nothing under "Unreleased": there is nothing to release.')
  return changelog.replace(UNRELEASED, `${UNRELEASED}\n\n## [${version}] - ${day}`)
}

/** What stands in one section, without its heading; empty where there is none. */
export function changesUnder(changelog: string, name: string): string {
  const [, after = ''] = changelog.split(`## [${name}]`)
  return (after.split(/^## \[/m)[0] ?? '').replace(/^ - .*/, '').trim()
}
