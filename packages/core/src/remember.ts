/** Adds to a set that holds at most `most`: the oldest goes. */
export function remember<T>(set: Set<T>, value: T, most: number): void {
  set.add(value)
  for (const oldest of set) {
    if (set.size <= most) return
    set.delete(oldest)
  }
}
