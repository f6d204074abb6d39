/**
 * Error codes, and the words that members of requests and answers may be.
 */
package io.downlink.constant;
