import { theme as antdTheme, type ThemeConfig } from "antd";

// The antd side of tokens.css: change both together (tests/theme.test.ts compares them).
export const light = {
  bg: "#f6f8fa",
  surface: "#ffffff",
  line: "#d8e0e6",
  text: "#14212b",
  text2: "#566573",
  primary: "#0b6e8a",
  primaryHover: "#095a72",
  success: "#28704a",
  warning: "#8f5600",
  danger: "#b93128",
};

export const dark: typeof light = {
  bg: "#0b0f14",
  surface: "#131a21",
  line: "#2b3742",
  text: "#e6edf3",
  text2: "#9fb0bf",
  primary: "#4cc2e0",
  primaryHover: "#7ad3ea",
  success: "#57c785",
  warning: "#f0b04c",
  danger: "#ff7a70",
};

export const fontFamily = 'var(--font, "Noto Sans SC", sans-serif)';

function themeOf(palette: typeof light, algorithm: ThemeConfig["algorithm"], onPrimary: string): ThemeConfig {
  return {
    algorithm,
    token: {
      colorPrimary: palette.primary,
      colorPrimaryHover: palette.primaryHover,
      colorLink: palette.primary,
      colorLinkHover: palette.primaryHover,
      colorSuccess: palette.success,
      colorWarning: palette.warning,
      colorError: palette.danger,
      colorText: palette.text,
      colorTextSecondary: palette.text2,
      colorTextTertiary: palette.text2,
      colorTextDescription: palette.text2,
      colorTextPlaceholder: palette.text2,
      colorTextHeading: palette.text,
      colorBgLayout: palette.bg,
      colorBgContainer: palette.surface,
      colorBgElevated: palette.surface,
      colorBorder: palette.line,
      colorBorderSecondary: palette.line,
      colorTextLightSolid: onPrimary,
      fontFamily,
      fontSize: 14,
      borderRadius: 6,
      borderRadiusLG: 6,
      motionDurationFast: "0.05s",
      motionDurationMid: "0.1s",
      motionDurationSlow: "0.15s",
      wireframe: false,
    },
    components: {
      Button: { primaryShadow: "none", defaultShadow: "none", dangerShadow: "none" },
      Table: { cellFontSizeSM: 13, cellPaddingBlockSM: 6, headerBg: palette.bg, headerSplitColor: "transparent" },
      Tabs: { horizontalMargin: "0" },
      Form: { itemMarginBottom: 18, verticalLabelPadding: "0 0 4px" },
    },
  };
}

export const lightTheme = themeOf(light, antdTheme.defaultAlgorithm, "#ffffff");
export const darkTheme = themeOf(dark, antdTheme.darkAlgorithm, "#08222a");
