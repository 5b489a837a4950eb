/* Starts the product that all browser tests share; they find it by the environment (lib/product.ts). */
import { startProduct } from "./product";

export default async function globalSetup(): Promise<() => Promise<void>> {
    if (process.env.CONSILIUM_E2E_URL) return async () => {};
    const product = await startProduct();
    process.env.CONSILIUM_E2E_URL = product.url;
    process.env.CONSILIUM_E2E_DIMSE_PORT = String(product.dimsePort);
    process.env.CONSILIUM_E2E_DATA = product.data;
    return product.stop;
}
