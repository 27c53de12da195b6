// Keeps the page for later without a network, once it is shown and idle. Where that is not possible, nothing else is lost.

/** Some 900 kB, which nobody who saves data asked for. */
function savesData(): boolean {
  return (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true;
}

export function keepOffline(): void {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV || savesData()) return;
  const register = () => void navigator.serviceWorker.register('./sw.js', { scope: './' }).catch(() => undefined);
  const later = () => ('requestIdleCallback' in window ? requestIdleCallback(register, { timeout: 5000 }) : setTimeout(register, 1000));
  if (document.readyState === 'complete') later();
  else addEventListener('load', later, { once: true });
}
