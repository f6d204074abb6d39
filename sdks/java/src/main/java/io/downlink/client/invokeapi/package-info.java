/**
 * The operations, a class for each service of the contract, and the receiver of what the platform pushes.
 */
package io.downlink.client.invokeapi;
