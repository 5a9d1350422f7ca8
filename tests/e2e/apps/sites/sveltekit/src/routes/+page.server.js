export function load({ getClientAddress, url }) {
  return { address: getClientAddress(), href: url.href };
}
