// Small choices that outlive a visit. Storage may be forbidden: then they last as long as the page.

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`sphere-pow.${name}`);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`sphere-pow.${name}`);
    else localStorage.setItem(`sphere-pow.${name}`, value);
  } catch {
    // Forbidden or full: nothing is lost but the choice.
  }
}
