import { CheckOutlined } from "@ant-design/icons";

interface Props {
  label: string;
  steps: readonly { key: string; text: string }[];
  /** The step where it stands; all before it are done. */
  at: number;
  /** Goes back to a step that is done. */
  onGo?: (step: number) => void;
}

/** A way of several steps in one line. A phone shows the word of the present step only. */
export function StepLine({ label, steps, at, onGo }: Props) {
  return (
    <ol className="step-line" aria-label={label}>
      {steps.map(({ key, text }, index) => {
        const done = index < at;
        const content = (
          <>
            <span className="dot" aria-hidden>{done ? <CheckOutlined /> : index + 1}</span>
            <span className="step-text">{text}</span>
          </>
        );
        return (
          <li key={key} className={done ? "done" : index === at ? "now" : ""} aria-current={index === at ? "step" : undefined}>
            {done && onGo ? <button type="button" onClick={() => onGo(index)}>{content}</button> : content}
          </li>
        );
      })}
    </ol>
  );
}
