/**
 * The client itself: {@link io.downlink.client.NorthApiClient} calls the platform, {@link io.downlink.client.NorthApiException} says why
 * it would not.
 */
package io.downlink.client;
