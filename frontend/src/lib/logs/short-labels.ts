/**
 * Names without what they all begin with, cut at a separator: of `shop-web-1` and `shop-db-1` remain `web-1` and
 * `db-1`. A single name stays whole, and so do names that would be empty.
 */
export function shortLabels(names: readonly string[]): string[] {
  const [first] = names
  if (first === undefined || names.length === 1) return [...names]
  let common = first.length
  for (const name of names) {
    let length = 0
    while (length < common && name[length] === first[length]) length += 1
    common = length
  }
  const cut = first.slice(0, common).search(/[-_.][^-_.]*$/) + 1
  return names.map((name) => name.slice(cut) || name)
}
