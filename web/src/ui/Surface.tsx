import { ConfigProvider } from "antd";
import type { CSSProperties, ReactNode } from "react";
import { darkTheme } from "./theme";

/** Everything inside is dark: the viewer, the room and the live player wrap themselves in it. */
export function DarkSurface({ children, className, style }: { children: ReactNode; className?: string; style?: CSSProperties }) {
  return (
    <ConfigProvider theme={darkTheme}>
      <div data-surface="dark" className={className} style={style}>
        {children}
      </div>
    </ConfigProvider>
  );
}
