import { Button, type ButtonProps } from "antd";
import { useHref, useLinkClickHandler } from "react-router";

/** A link that looks like a button: one element, so that keyboards and screen readers meet it once. */
export function LinkButton({ to, ...rest }: Omit<ButtonProps, "href" | "onClick"> & { to: string }) {
  const href = useHref(to);
  const follow = useLinkClickHandler<HTMLElement>(to);
  return <Button {...rest} href={href} onClick={(event) => follow(event as unknown as React.MouseEvent<HTMLElement, MouseEvent>)} />;
}
