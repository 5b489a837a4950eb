/** The mark: two circles, two hospitals; the filled lens is the view they share. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 48 48" aria-hidden="true" focusable="false">
      <g fill="none" stroke="currentColor" strokeWidth="3">
        <circle cx="17" cy="24" r="13" />
        <circle cx="31" cy="24" r="13" />
      </g>
      <path d="M24 13.05a13 13 0 0 1 0 21.9a13 13 0 0 1 0-21.9z" fill="currentColor" />
    </svg>
  );
}
