// What the eye gets: colors as the browser has computed them, and how far apart they are.

/** The contrast ratio between an element's text and what is behind it (WCAG 2: 1 to 21), and the luminance of both. */
export function contrastOf(locator) {
  return locator.evaluate((element) => {
    // A canvas turns any notation of CSS into red, green, blue, alpha.
    const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (color) => {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = color;
      context.fillRect(0, 0, 1, 1);
      return [...context.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (color) => {
      const [red, green, blue] = rgba(color).map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (node) => {
      for (let at = node; at; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at);
        if (rgba(backgroundColor)[3] === 255) return backgroundColor;
      }
      return 'Canvas';
    };
    const text = luminance(getComputedStyle(element).color);
    const background = luminance(behind(element));
    const [light, dark] = [Math.max(text, background), Math.min(text, background)];
    return { text, background, ratio: (light + 0.05) / (dark + 0.05) };
  });
}
